"""What several tests share: golden files, real data, and the peers that cnndsl is compared with."""
