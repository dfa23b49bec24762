"""Finding the enabled plugins, checking them against the contract, calling them safely."""
