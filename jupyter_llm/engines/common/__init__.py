"""What engines that run in this process share: from a request to tokens, from tokens to text."""
