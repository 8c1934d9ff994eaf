// What programs hand to a shell that completes, and what they take from one.

import TerminalText
import Testing

@Suite struct ShellCandidateTests {
  @Test(arguments: [
    ("plain", "plain"), ("~", "/home/me"), ("~/s.sock", "/home/me/s.sock"), ("a\\ b", "a b"), ("'a b'c", "a bc"),
    ("'$HOME'", "$HOME"), ("\"a b\"", "a b"), ("\"a\\\"b\"", "a\"b"), ("\"a\\$b\"", "a$b"), ("\"a\\b\"", "a\\b"),
    ("\"a\\\\b\"", "a\\b"), ("'a\\b'", "a\\b"), ("$HOME", nil), ("\"$HOME\"", nil), ("`id`", nil), ("\"`id`\"", nil),
  ]) func wordsAreReadAsTheShellReadsThem(word: String, expected: String?) {
    #expect(ShellCandidate.unquoted(word, home: "/home/me") == expected)
  }

  @Test(arguments: ["", "a b", "$(id)", "a;b", "a'b", "a\"b", "a\\b", "a\nb", "ä", "*"]) func isNotOffered(word: String)
  {
    #expect(ShellCandidate.line(word, "text", for: "bash") == nil)
  }

  @Test func descriptionsAreText() {
    #expect(ShellCandidate.line("7", "a\u{1B}[31m\tb", for: "bash") == "7")
    #expect(ShellCandidate.line("7", "a\nb", for: "fish") == "7\ta\\nb")
    #expect(ShellCandidate.line("7", "a\\b", for: "zsh")?.hasPrefix("7:a\\\\") == true)
  }
}
