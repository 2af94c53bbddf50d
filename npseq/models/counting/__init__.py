"""Models that count: n-grams, Markov chains, and forecasts made of them."""
