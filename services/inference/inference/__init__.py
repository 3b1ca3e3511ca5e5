"""The private model server of Nevus, speaking the Open Inference Protocol v2."""
