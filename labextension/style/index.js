import './base.css';
import './chat.css';
import './status.css';
