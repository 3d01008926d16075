//! Cut off before each poll; with sources that watch the contract.
