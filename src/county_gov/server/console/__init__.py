"""The console's pages: each module fills one template with what its page shows."""
