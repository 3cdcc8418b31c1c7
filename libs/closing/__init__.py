"""What would be closed, and with which orders: pure, for the executor that does it and for who shows it beforehand."""
