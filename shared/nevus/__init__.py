"""What the services of Nevus share: domain types, ports, imaging, policy, adapters."""
