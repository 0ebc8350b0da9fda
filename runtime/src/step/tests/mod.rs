mod engine;
mod integer;
mod oracle;
mod random;
mod text;
