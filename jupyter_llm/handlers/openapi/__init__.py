"""The description of this API in OpenAPI 3.1, put together from the code that serves it."""
