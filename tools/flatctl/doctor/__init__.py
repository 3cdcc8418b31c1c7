"""`flatctl doctor`: is everything here as a flatten needs it? Each area looks, and changes nothing."""
