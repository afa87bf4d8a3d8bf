"""What is known exactly: densities with closed-form scores, and expectations that come with a certificate."""
