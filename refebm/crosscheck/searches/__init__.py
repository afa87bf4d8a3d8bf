"""What may explain wrong answers: each search takes a function and its evidence, and returns a diagnosis or None."""
