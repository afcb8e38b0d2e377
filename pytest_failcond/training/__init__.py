"""Training a StyleGAN2, and measuring what it makes."""
