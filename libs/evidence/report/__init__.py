"""The evidence report of one run: what its entries say, as a page and as a document that can be checked. No I/O."""
