"""The examiner: asks any implementation fixed questions, holds its answers against vectors, names what is wrong."""
