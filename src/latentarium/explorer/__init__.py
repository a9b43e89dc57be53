"""The explorer: a bundle's page in the browser, served or written as a folder that any static host serves."""
