"""What is kept between runs of the server."""
