//! Where to report a flaw in a program, written into the program itself.

/// Puts a `security.txt` into the program: text between two markers, keys and values ended by NUL, in the form that
/// explorers and scanners look for. Only in the program's own binary, not where another program links it for its types.
#[macro_export]
macro_rules! security_txt {
    ($name:literal) => {
        #[cfg(all(target_os = "solana", not(feature = "cpi")))]
        const _: () = {
            const TEXT: &str = concat!(
                "=======BEGIN SECURITY.TXT V1=======\0",
                "name\0",
                $name,
                "\0contacts\0link:SECURITY.md\0policy\0SECURITY.md\0preferred_languages\0en\0",
                "=======END SECURITY.TXT V1=======\0"
            );
            const _: () = assert!(TEXT.len() < 300, "each byte of a program costs rent");

            // Nothing refers to it, and the linker keeps only what is exported.
            #[used]
            #[unsafe(no_mangle)]
            static SECURITY_TXT: [u8; TEXT.len()] = {
                let (mut bytes, mut place) = ([0; TEXT.len()], 0);
                while place < bytes.len() {
                    bytes[place] = TEXT.as_bytes()[place];
                    place += 1;
                }
                bytes
            };
        };
    };
}
