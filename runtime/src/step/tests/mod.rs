mod engine;
mod oracle;
mod random;
