"""StyleGAN2 as other programs name and shape its tensors, and the way from there to ours."""
