"""The other side of each comparison: small programs around torch, torchvision and torchinfo."""
