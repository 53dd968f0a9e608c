"""The paper's method around the networks: tensors first, then pictures in and pictures out."""
