"""From scores to tokens: greedy and sampled generation, beam search, and BLEU to judge them."""
