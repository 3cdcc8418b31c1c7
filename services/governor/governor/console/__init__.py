"""A web page that shows what the governor knows, and can do nothing. It informs; arms wait for none of this."""
