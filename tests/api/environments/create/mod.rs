//! `POST /environments`.

mod lifetime;
mod refused;
mod replayed;
mod validated;
