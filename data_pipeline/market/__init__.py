"""The vocabulary that every other room speaks."""
