mod corpus;
mod search;
