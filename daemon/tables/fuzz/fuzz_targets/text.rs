#![no_main]

dsp_tables_fuzz::target!("text");
