//! Doc values: columns of one value a document.
