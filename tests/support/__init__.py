"""What tests stand on: servers, waiting, fixtures."""
