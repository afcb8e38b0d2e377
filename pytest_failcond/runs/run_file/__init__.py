"""The run file, by type: records that are read strictly, and that write its JSON Schema."""
