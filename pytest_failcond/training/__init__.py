"""Training a StyleGAN2, and measuring its images."""
