"""The generator: a class-conditional StyleGAN2, its StyleSpace, its training and its files."""
