"""The run file, by type: records that are read strictly, and from which its JSON Schema is made."""
