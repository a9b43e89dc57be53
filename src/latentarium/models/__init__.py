"""Models: an encoder, a decoder and a likelihood put together, and the `LatentSpace` each is seen as."""
