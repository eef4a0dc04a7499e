"""What rules look at as documents come and time goes by."""
