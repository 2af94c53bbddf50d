"""The exercises, a file for each topic, with their right answers in the letters of docs/derivations."""
