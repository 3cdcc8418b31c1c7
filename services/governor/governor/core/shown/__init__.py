"""What the console shows: what the governor knows in, what a page needs out. Pure, and it decides nothing."""
