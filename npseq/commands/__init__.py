"""This package holds the commands of `npseq`, one a file, each with its flags; npseq.cli puts them together."""
