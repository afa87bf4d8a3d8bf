"""Wrong versions of samplers that go from noise to data."""
