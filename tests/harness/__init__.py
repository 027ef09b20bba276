"""Real parts for the tests: servers, a billing, the product, providers."""
