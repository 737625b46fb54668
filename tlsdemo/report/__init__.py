"""Plain values -> what a person sees. Imports only plain value types, and no protocol."""
