"""How the build is started: its sources, its identity and what it is told."""

from __future__ import annotations

from deploy.cloud.parts import Command, Place, gcloud


def submission(place: Place) -> Command:
    """`gcloud builds submit` of the checkout."""
    told = {"_REGION": place.region, "_ACCESS": place.access}
    return gcloud(
        *("builds", "submit", ".", "--config=deploy/cloudbuild.yaml", f"--project={place.project}"),
        f"--region={place.region}",
        f"--gcs-source-staging-dir=gs://{place.bucket('build')}/source",
        f"--substitutions={','.join(f'{name}={value}' for name, value in told.items())}",
    )
