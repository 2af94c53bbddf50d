"""What `npseq` can be told to do: a command a file, each with its flags. npseq.cli puts them together."""
