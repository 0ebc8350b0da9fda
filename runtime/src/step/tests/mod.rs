mod engine;
mod oracle;
mod random;
mod text;
