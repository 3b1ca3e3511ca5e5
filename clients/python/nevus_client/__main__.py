"""`python -m nevus_client`: the command `nevus`."""

from nevus_client.command.main import main

main()
