"""Reference cases for other people's recurrent layers: the right numbers, and a check of a program against them."""
