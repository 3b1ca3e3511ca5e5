"""Run by gcloud's own Python: reads documents with the classes that gcloud sends, which refuse what they do not know.

Standard input: a list of `[api, version, class, text]`.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module


def main(sdk: str) -> None:
    sys.path[:0] = [f"{sdk}/lib", f"{sdk}/lib/third_party"]
    apis = import_module("googlecloudsdk.api_lib.util.apis")
    reader = import_module("googlecloudsdk.api_lib.util.messages")
    yaml = import_module("googlecloudsdk.core.yaml")
    for api, version, name, text in json.load(sys.stdin):
        wanted = apis.GetMessagesModule(api, version)
        for part in name.split("."):
            wanted = getattr(wanted, part)
        reader.DictToMessageWithErrorCheck(yaml.load(text), wanted)


if __name__ == "__main__":
    main(sys.argv[1])
