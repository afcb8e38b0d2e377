"""Reports: renderers that read a run, its file and its pictures, and nothing else."""
