# SPDX-FileCopyrightText: 2026 The dns-updater authors
# SPDX-License-Identifier: ISC
"""Whoever else writes the data file: an administrator with his tools. They take turns with each other, as people with
one file do, but not with dns-updater. Each line that one adds has a number; the account tells, of every line, whether
it has to be there.

    account = Account(env)
    Writer(account, 'vim', WAYS['vim']).edit()
"""

import shutil
import subprocess
import threading
import time

WAIT_S = 60
REFUSALS = 50


class Account:
    """What every writer has added and removed."""

    def __init__(self, env):
        self.env = env
        self.turn = threading.Lock()	# held from reading to writing, by one administrator at a time
        self.there, self.removed = set(), set()
        self.again = 0		# edits that were made once more, for the log had told of them
        self.undone = 0		# removals that a merge has undone, for a person to make again
        self.refused = 0	# and for the tool itself did not want to

    def present(self):
        try:
            return set(self.env.data.read_text().split('\n'))
        except OSError:		# between git's unlink and its create
            return set()

    def kept(self):
        """What was put aside, and told of."""
        return {line for p in self.env.root.iterdir() if 'kept-by' in p.name
                for line in p.read_text().split('\n')}

    def check(self):
        """Complaints, one for each line that is not accounted for."""
        text = self.env.data.read_text().split('\n')
        kept = self.kept()
        for line in sorted(self.there):
            if text.count(line) != 1 and not (text.count(line) == 0 and line in kept):
                yield f'{line}: added, and there {text.count(line)} times'
        for line in sorted(self.removed):
            if line in text:
                yield f'{line}: removed, and there'

    def remove_again(self):
        """For two seconds after a merge nobody's file without the merged lines is believed, for it may be what he
        read before. Who really removed one sees in the log that there was a merge, and removes it again."""
        if self.env.count('^merged late'):
            for line in self.removed & self.present():
                self.undone += 1
                WAYS['rename'].remove(self.env.root, line)

    def settled(self, timeout=WAIT_S):
        end = time.monotonic() + timeout
        while (wrong := list(self.check())) and time.monotonic() < end:
            self.remove_again()
            time.sleep(0.2)
        return wrong


class Writer:
    """One administrator, and his way of writing."""

    def __init__(self, account, name, way):
        self.account, self.name, self.way = account, name, way
        self.mine = []
        self.n = 0

    def edit(self, remove=False):
        """Adds a line, or removes the oldest that he has added."""
        account = self.account
        with account.turn:
            if remove and self.mine and self.way.removes:
                line = self.mine.pop(0)
                self.make(lambda: self.way.remove(account.env.root, line), lambda: line not in account.present())
                account.there.discard(line)
                account.removed.add(line)
                return
            self.n += 1
            line = self.way.line(self.name, self.n)
            self.make(lambda: self.way.add(account.env.root, line), lambda: line in account.present())
            account.there.add(line)
            self.mine.append(line)

    def make(self, change, done):
        """He looks whether it is there, as one does; who writes in place may find it a moment later. What the log
        says could not be merged is his to do again."""
        mark = self.account.env.mark()
        self.insist(change)
        end = time.monotonic() + WAIT_S
        while not done():
            if self.account.env.count("^keeping '", mark):
                self.account.again += 1
                mark = self.account.env.mark()
                self.insist(change)
            if time.monotonic() > end:
                raise AssertionError(f'{self.name}: an edit is lost')
            time.sleep(0.005)

    def insist(self, change):
        """A tool that sees that the file has changed meanwhile does nothing, and says so: he begins anew."""
        for _ in range(REFUSALS):
            try:
                return change()
            except subprocess.CalledProcessError:
                self.account.refused += 1
        raise AssertionError(f'{self.name}: his tool refuses')


class Way:
    """How a tool adds a line, and removes one, in a directory."""
    removes = True

    def __init__(self, add=None, remove=None):
        self._add, self._remove = add, remove

    def line(self, writer, n):
        return f'+{writer}-{n}.example.com:198.18.{n // 250 % 250}.{n % 250 + 1}:3600'

    def run(self, command, root, line):
        subprocess.run(['/bin/sh', '-ec', command, 'sh', line], cwd=root, check=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL)

    def add(self, root, line):
        self.run(self._add, root, line)

    def remove(self, root, line):
        self.run(self._remove, root, line)


class TinydnsEdit(Way):
    """What add-host runs. It takes no line away."""
    removes = False
    nets = {}

    def line(self, writer, n):	# no two hosts have one address
        net = self.nets.setdefault(writer, len(self.nets))
        return f'={writer}-{n}.example.com:10.{net}.{n // 250}.{n % 250 + 1}:86400'

    def add(self, root, line):
        name, address, _ = line[1:].split(':')
        subprocess.run(['/usr/sbin/tinydns-edit', 'data', 'data.new', 'add', 'host', name, address], cwd=root,
                       check=True)


class GitCheckout(Way):
    """The file is under git; a commit of somebody else is checked out: git removes the file, and makes it anew."""

    def git(self, root, *words, **more):
        where = root / '.git-of-tests'
        return subprocess.run(['git', f'--git-dir={where}', f'--work-tree={root}', '-c', 'user.name=a',
                               '-c', 'user.email=a@example.com', '-c', 'safe.directory=*', *words], cwd=root,
                              check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, **more).stdout

    def write(self, root, change):
        if not (root / '.git-of-tests').exists():
            self.git(root, 'init', '-q')
        self.git(root, 'add', 'data')
        text = change(self.git(root, 'show', ':data').decode())
        blob = self.git(root, 'hash-object', '-w', '--stdin', input=text.encode()).decode().strip()
        self.git(root, 'update-index', '--cacheinfo', f'100644,{blob},data')
        tree = self.git(root, 'write-tree').decode().strip()
        commit = self.git(root, 'commit-tree', '-m', 'data', tree).decode().strip()
        self.git(root, 'checkout', '-q', '-f', commit, '--', 'data')

    def add(self, root, line):
        self.write(root, lambda text: text + line + '\n')

    def remove(self, root, line):
        self.write(root, lambda text: text.replace(line + '\n', ''))


class RenameOver(Way):
    """Writes a new file, and renames it."""

    def write(self, root, change):
        new = root / 'data~'
        new.write_text(change((root / 'data').read_text()))
        new.rename(root / 'data')

    add, remove = GitCheckout.add, GitCheckout.remove


class InPlace(RenameOver):
    """Truncates, and writes; what is read has to be the whole."""

    def write(self, root, change):
        text = change((root / 'data').read_text())
        with open(root / 'data', 'r+b', buffering=0) as f:
            f.write(text.encode())
            f.truncate()


def vim(settings):
    """Asked whether to write although the file has changed on disk, it takes the end of its input for a no, and ends
    with status 0: only a mark behind the writing tells."""
    program = 'vim' if shutil.which('vim') else 'vim.tiny'
    start = f'rm -f ../wrote; {program} -u NONE -i NONE -n -es -c "set backupskip= {settings}"'
    end = '-c w -c "!: > ../wrote" -c q data; [ -e ../wrote ]'
    return Way(f'{start} -c "\\$r !echo \'$1\'" {end}', f'{start} -c "g/^$1\\$/d" {end}')


def emacs(settings):
    """Asked whether to go on although the file has changed on disk, he says yes."""
    yes = ('(load \\"userlock\\" nil t) (fset \'yes-or-no-p (lambda (&rest _) t)) '
           '(fset \'ask-user-about-supersession-threat \'ignore)')
    start = f'emacs -Q --batch --eval "(progn (setq {settings}) {yes})" data'
    return Way(start + ' --eval "(progn (goto-char (point-max)) (insert \\"$1\\\\n\\") (save-buffer))"',
               start + ' --eval "(progn (goto-char (point-min)) (flush-lines (concat \\"^\\" (regexp-quote \\"$1\\") '
               '\\"\\\\$\\")) (save-buffer))"')


WAYS = {
    'tinydns-edit': TinydnsEdit(),
    'sed': Way('sed -i "\\$a $1" data', 'sed -i "/^[+]${1#+}\\$/d" data'),
    'vim': vim('nobackup'),
    'vim-backup-renamed': vim('backup backupcopy=no'),
    'vim-backup-copied': vim('backup backupcopy=yes'),
    'emacs': emacs('make-backup-files nil'),
    'emacs-backup-renamed': emacs('backup-by-copying nil'),
    'emacs-backup-copied': emacs('backup-by-copying t'),
    'git': GitCheckout(),
    'rename': RenameOver(),
    'in-place': InPlace(),
    'append': Way('echo "$1" >> data', 'sed -i "/^[+]${1#+}\\$/d" data'),
    'cp': Way('cp data ../copy; echo "$1" >> ../copy; cp ../copy data',
              'grep -v "^[+]${1#+}\\$" data > ../copy; cp ../copy data'),
}


