//! Lists as schools have them, and files that mean harm. `books` makes workbooks for both.

mod books;
mod fuzz;
mod lists;
mod refusals;
